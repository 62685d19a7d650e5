"""How our transactional producers talk to the brokers, where aiokafka's own way is not safe enough. Knows aiokafka, nothing of ours."""
