"""How complete an SBOM is: counted once at upload, judged and advised about whenever it is shown.

Pure, and information, never a gate. What is stored is `Quality`: counts, no component and no text, so that a corrected
profile or better advice holds for yesterday's uploads too.
"""

from service.sbom.quality.facts import Quality, quality_of
from service.sbom.quality.shown import shown

__all__ = ["Quality", "quality_of", "shown"]
