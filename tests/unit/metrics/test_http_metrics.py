"""Requests are counted by route template and status class: no customer's id and no made-up path becomes a label."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.serve.asked import application, customer, serving


def test_requests_are_counted_by_template_and_class_of_status() -> None:
    async def asking() -> str:
        async with serving(application(customer("ada"))) as client:
            for path in ("/v1/stages", "/v1/customers/ada", "/v1/customers/eve/why", "/made/up", "/another"):
                async with client.get(path) as response:
                    await response.read()
            async with client.request("TRACE", "/v1/customers/ada"), client.get("/metrics") as response:
                return await response.text()

    families = text_string_to_metric_families(asyncio.run(asking()))
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "etapa_http_requests_total"
    }
    assert counted == {
        ("/v1/stages", "2xx"): 1,
        ("/v1/customers/{id}", "4xx"): 1,
        ("/v1/customers/{id}/why", "4xx"): 1,
        ("(other)", "4xx"): 3,
    }
