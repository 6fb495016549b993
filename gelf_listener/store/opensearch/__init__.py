"""OpenSearch: a store whose messages lie in a cluster, for what one machine does not hold."""
