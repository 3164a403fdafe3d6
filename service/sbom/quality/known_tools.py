"""The words of `advice`: per topic for any generator, and flags and settings of those we know.

A flag stands here only if its generator's own documentation has it. Each is one sentence or two, for whoever edits the
build.
"""

from collections.abc import Mapping

GENERAL: Mapping[str, str] = {
    "components": "Nothing is listed: run the generator where dependencies are installed, or on the built artefact.",
    "name": "Give every component a name: those without are named by their purl, CPE or reference.",
    "version": "Scan installed or locked dependencies rather than a manifest: version ranges and local folders have no "
    "version.",
    "identifier": "Have every component carry a purl (CycloneDX `purl`, SPDX `externalRefs` of type `purl`): without "
    "one, no advisory can be matched.",
    "supplier": "Name who supplies each component, with a mail or web address: CycloneDX `supplier` or `manufacturer`, "
    "SPDX `supplier` (`Organization: ACME (security@acme.example)`).",
    "licence": "Have licences looked up: run the generator where packages are installed with their metadata; lock "
    "files name no licences.",
    "hash": "Write a SHA-512 (at least a SHA-256) of each delivered file: CycloneDX `hashes`, SPDX `checksums`. "
    "Generators hash what they find on disk, so scan the artefact.",
    "subject": "Say what the SBOM is about: CycloneDX `metadata.component`, SPDX a `DESCRIBES` relationship to one "
    "package.",
    "tool": "Name the generator and its version: CycloneDX `metadata.tools`, SPDX `Creator: Tool: name-version`.",
    "dependencies": "Write the dependency graph, transitive ones included, from the product down: CycloneDX "
    "`dependencies`, SPDX `DEPENDS_ON` and `CONTAINS` relationships.",
    "author": "Name who made the SBOM, with a mail or web address: CycloneDX `metadata.authors` or "
    "`metadata.manufacturer`, SPDX `Creator: Organization: ACME (sbom@acme.example)`.",
    "timestamp": "Write when the SBOM was made: CycloneDX `metadata.timestamp`, SPDX `created`.",
    "lifecycle": "Say in which phase it was made (`pre-build`, `build`, `post-build`): CycloneDX "
    "`metadata.lifecycles`, from 1.5 on. SPDX 2 has no field for it.",
    "files": "State of each component's file its name and whether it is executable, an archive, structured: CycloneDX "
    "properties `bsi:component:filename`, `:executable`, `:archive`, `:structured`. SPDX 2 has only `packageFileName`.",
    "current-format": "Write CycloneDX 1.6 or newer, or SPDX 3.0.1 or newer.",
}

_NOT_REPRODUCIBLE = "Leave out `--output-reproducible`, or add the timestamp afterwards."
_SPEC_VERSION = "Add `--spec-version 1.6`."

CHANGES: Mapping[str, Mapping[str, str]] = {
    "syft": {
        "licence": "Run syft with `--enrich all`: it looks up the licences that are not on disk.",
        "subject": "Add `--source-name` and `--source-version`.",
        "current-format": "Write `-o cyclonedx-json@1.6`.",
    },
    "trivy": {
        "licence": "Run trivy where the packages are installed (an image, or a folder with its `node_modules`): "
        "lock files name no licences.",
        "current-format": "Write `--format cyclonedx` with a current trivy.",
    },
    "cdxgen": {
        "licence": "Set `FETCH_LICENSE=true`.",
        "author": "Add `--author`, and a mail or web address in `metadata.authors` afterwards.",
        "subject": "Add `--project-name` and `--project-version`.",
        "current-format": _SPEC_VERSION,
    },
    "cyclonedx-maven": {
        "supplier": "Fill `<organization>` in the POMs: the plugin writes it as the publisher.",
        "licence": "Fill `<licenses>` in the POMs of your own modules: the plugin reads licences from there.",
        "current-format": "Set `<schemaVersion>1.6</schemaVersion>`.",
    },
    "cyclonedx-gradle": {
        "licence": "Set `includeMetadataResolution = true`.",
        "author": "Set `organizationalEntity` with a name, a URL and a contact.",
        "current-format": "Set `schemaVersion` to 1.6.",
    },
    "cyclonedx-npm": {
        "licence": "Run `npm ci` before, and leave out `--package-lock-only`: licences are read from `node_modules`.",
        "timestamp": _NOT_REPRODUCIBLE,
        "current-format": _SPEC_VERSION,
    },
    "cyclonedx-py": {
        "licence": "Run `cyclonedx-py environment` on the installed environment instead of reading requirements.",
        "dependencies": "Run `cyclonedx-py environment` on the installed environment: requirements have no graph.",
        "subject": "Add `--pyproject pyproject.toml`.",
        "timestamp": _NOT_REPRODUCIBLE,
        "current-format": _SPEC_VERSION,
    },
    "sbom-tool": {
        "licence": "Add `-li true` (fetch licences) and `-pm true` (parse package metadata).",
        "supplier": "Add `-pm true`: suppliers are read from the packages' own metadata.",
        "current-format": "Add `-mi SPDX:3.0`.",
    },
}
