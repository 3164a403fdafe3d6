-- Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by rpm's own comparison of epoch, version, release.
for line in io.lines() do
    local left, right = line:match("^(.-)\t(.*)$")
    local fine, sign = pcall(rpm.vercmp, left, right)
    io.write(not fine and "?\n" or sign < 0 and "<\n" or sign > 0 and ">\n" or "=\n")
end
