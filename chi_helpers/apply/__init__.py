"""Carry plans out: order, journal, lock and proof."""
