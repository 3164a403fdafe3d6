<?php
// Reads "a<TAB>b" lines and prints "<", "=" or ">" a line, by PHP's version_compare without a leading v.
if ($argc > 1) {
    echo 'PHP ', PHP_VERSION, "\n";
    exit;
}
while (($line = fgets(STDIN)) !== false) {
    [$left, $right] = explode("\t", rtrim($line, "\n"));
    echo '<=>'[version_compare(preg_replace('/^v/i', '', $left), preg_replace('/^v/i', '', $right)) + 1], "\n";
}
