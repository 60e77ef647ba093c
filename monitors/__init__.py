"""MEASURE: components, probes, mail DNS, queues, the prober and its history; knows no higher floor."""
