"""Tokens for Amazon MSK with IAM; needs `etapa[msk]`. To be named in ETAPA_KAFKA_OAUTH_PROVIDER.

Who we are, and so what we may do, comes from where Amazon's libraries look for it: variables, files, the role of the machine or the pod.
"""

import os


def token() -> str:
    """A token for the region in `AWS_REGION` or `AWS_DEFAULT_REGION`. Raises what Amazon's libraries raise, and `KeyError` without a region."""
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # type: ignore[import-untyped]  # it carries no types

    region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
    given, _ = MSKAuthTokenProvider.generate_auth_token(region)
    return str(given)
