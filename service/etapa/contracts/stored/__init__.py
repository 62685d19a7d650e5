"""What Etapa stores to continue from: customers' states, the mark, requests to reclassify, and the progress of delivery."""
