"""Tokens for Amazon MSK with IAM; needs `etapa[msk]`. Name it in ETAPA_KAFKA_OAUTH_PROVIDER.

Amazon's libraries find the credentials in their usual places: variables, files, the role of the machine or the pod.
"""

import os


def token() -> str:
    """A token for the region in `AWS_REGION` or `AWS_DEFAULT_REGION`. Raises what Amazon's libraries raise, and `KeyError` without a region."""
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # type: ignore[import-untyped]  # it carries no types

    region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
    given, _ = MSKAuthTokenProvider.generate_auth_token(region)
    return str(given)
