"""The REST interface: JSON in and out, decimal strings for money and quantity, one error form for every refusal."""
