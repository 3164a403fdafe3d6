# Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by R's own compareVersion. Its numbers are 32-bit
# integers, so those with ten digits and more are not asked about.
if (length(commandArgs(TRUE))) {
  cat(R.version.string, "\n")
  quit()
}
input <- file("stdin", "r")
lines <- readLines(input, warn = FALSE, encoding = "UTF-8")
pairs <- strsplit(lines, "\t", fixed = TRUE)
left <- vapply(pairs, `[`, "", 1)
right <- vapply(pairs, `[`, "", 2)
version <- "^[0-9]{1,9}([.-][0-9]{1,9})+$"
fine <- which(grepl(version, left, useBytes = TRUE) & grepl(version, right, useBytes = TRUE))
signs <- vapply(fine, function(place) compareVersion(left[place], right[place]), 0)
answers <- rep("?", length(lines))
answers[fine] <- c("<", "=", ">")[signs + 2]
writeLines(answers)
