"""Card numbers: one that pays, one that is declined, and one with 3-D Secure."""

VISA, DECLINED, SECURE = "4242 4242 4242 4242", "4000000000000002", "4000 0025 0000 3155"
