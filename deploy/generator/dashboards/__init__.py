"""The dashboards, a file for each."""

from deploy.generator.dashboards.delivery import DELIVERY
from deploy.generator.dashboards.journey import JOURNEY
from deploy.generator.dashboards.worker import WORKER

DASHBOARDS = (JOURNEY, WORKER, DELIVERY)
