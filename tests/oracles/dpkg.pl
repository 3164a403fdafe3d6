# Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by dpkg's own module. As dpkg --compare-versions does,
# it goes on after a first letter that is no digit or an unusual character, but not after what makes no version at all.
use strict;
use warnings;
use Dpkg::Version qw(version_check);
binmode(STDIN, ':encoding(UTF-8)');
if (@ARGV) { print "Dpkg::Version $Dpkg::Version::VERSION, dpkg ", `dpkg-query -W -f='\${Version}' dpkg`; exit }

sub readable {
    my ($version) = @_;
    return 0 if $version !~ /^[!-~]*[!-9;-~]$/;
    my ($fine, $complaint) = version_check($version);
    return ($fine || $complaint =~ /start with digit|(?:illegal|invalid) character/) && $version !~ /^[^:]*[^:0-9][^:]*:/;
}
while (my $line = <STDIN>) {
    chomp $line;
    my ($left, $right) = split /\t/, $line, -1;
    if (!readable($left) || !readable($right)) { print "?\n"; next }
    my $sign = Dpkg::Version->new($left, check => 0) <=> Dpkg::Version->new($right, check => 0);
    print $sign < 0 ? "<\n" : $sign > 0 ? ">\n" : "=\n";
}
