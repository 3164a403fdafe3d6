module oracle

go 1.26.3

require (
	deps.dev/util/semver v0.0.0-20260529052642-cf1e78d92744
	github.com/google/osv-scalibr v0.5.3
	github.com/knqyf263/go-apk-version v0.0.0-20200609155635-041fdbb8563f
	golang.org/x/mod v0.43.0
)
