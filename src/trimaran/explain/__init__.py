"""What a network does inside, told through the backends' protocol; no framework is named here."""
