"""Whether an SBOM is what its format's schema asks for. Pure; information, never a gate.

CycloneDX JSON and SPDX JSON are held against their JSON schemas, CycloneDX XML against its XML schema, other forms of
SPDX 2 are read and validated by spdx-tools. What is large, or goes through a library that we cannot bound, is checked
in a process of its own.
"""

from service.sbom.conformance.checking import LARGEST_BYTES, check
from service.sbom.conformance.report import Conformance, Fault, Verdict, unchecked

__all__ = ["LARGEST_BYTES", "Conformance", "Fault", "Verdict", "check", "unchecked"]
