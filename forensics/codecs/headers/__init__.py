"""What bit streams state about themselves: tables, quantiser indices, sizes, read without decoding."""
