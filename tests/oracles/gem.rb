# Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by RubyGems.
if ARGV.any?
  puts "RubyGems #{Gem::VERSION}, Ruby #{RUBY_VERSION}"
  exit
end
STDIN.set_encoding("UTF-8")
STDIN.each_line(chomp: true) do |line|
  left, right = line.split("\t", -1)
  begin
    puts "<=>"[(Gem::Version.new(left) <=> Gem::Version.new(right)) + 1]
  rescue ArgumentError
    puts "?"
  end
end
