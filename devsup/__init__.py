"""What the wire sees: lines, protocols, instruments. Never imports caproto or iocs."""
