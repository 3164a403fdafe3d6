// Reads "a<TAB>b" lines and prints "<", "=", ">" or "?" a line, by the comparator that its argument names.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	nuget "deps.dev/util/semver"
	"github.com/google/osv-scalibr/semantic"
	apk "github.com/knqyf263/go-apk-version"
	"golang.org/x/mod/semver"
)

func golang(left, right string) (int, bool) {
	left, right = "v"+strings.TrimPrefix(left, "v"), "v"+strings.TrimPrefix(right, "v")
	return semver.Compare(left, right), semver.IsValid(left) && semver.IsValid(right)
}

func depsDev(system nuget.System) func(string, string) (int, bool) {
	return func(left, right string) (int, bool) {
		a, err := system.Parse(left)
		if err != nil {
			return 0, false
		}
		b, err := system.Parse(right)
		if err != nil {
			return 0, false
		}
		return a.Compare(b), true
	}
}

func alpine(left, right string) (int, bool) {
	if !apk.Valid(left) || !apk.Valid(right) {
		return 0, false
	}
	return apk.Version(left).Compare(apk.Version(right)), true
}

func scalibr(ecosystem string) func(string, string) (int, bool) {
	return func(left, right string) (sign int, fine bool) {
		a, err := semantic.Parse(left, ecosystem)
		if err != nil {
			return 0, false
		}
		sign, err = a.CompareStr(right)
		return sign, err == nil
	}
}

func main() {
	compare := map[string]func(string, string) (int, bool){
		"x/mod":     golang,
		"NuGet":     depsDev(nuget.NuGet),
		"crates.io": depsDev(nuget.Cargo),
		"apk":       alpine,
		"Alpine":    scalibr("Alpine"),
		"Hackage":   scalibr("Hackage"),
		"Pub":       scalibr("Pub"),
		"CRAN":      scalibr("CRAN"),
	}[os.Args[1]]
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		left, right, _ := strings.Cut(in.Text(), "\t")
		sign, fine := compare(left, right)
		switch {
		case !fine:
			fmt.Fprintln(out, "?")
		case sign < 0:
			fmt.Fprintln(out, "<")
		case sign > 0:
			fmt.Fprintln(out, ">")
		default:
			fmt.Fprintln(out, "=")
		}
	}
}
