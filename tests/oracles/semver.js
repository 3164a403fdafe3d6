// Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by npm's own semver, which stands in NODE_PATH.
const semver = require("semver");
if (process.argv.length > 2) {
  console.log("npm semver " + require("semver/package.json").version);
  process.exit();
}
const answers = require("fs").readFileSync(0, "utf8").split("\n").slice(0, -1).map((line) => {
  const [left, right] = line.split("\t").map((version) => semver.parse(version));
  return left && right ? "<=>"[semver.compare(left, right) + 1] : "?";
});
process.stdout.write(answers.join("\n") + "\n");
