"""The page at `/`: self-contained, and allowed by its policy to load nothing but the API it stands beside."""

import base64
import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def _hash_of(tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    if found is None:
        raise ValueError(f"page.html has no <{tag}>")
    return "'sha256-" + base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode() + "'"


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash_of('style')}",
        f"script-src {_hash_of('script')}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Only this very style and script run, and they may talk to this server alone."""
