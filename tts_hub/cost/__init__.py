"""Prices, the budget, and the ledger of a day's spending."""
