"""What several processes share through Redis, which is never a place of truth: losing it loses no money and no order.

May import the application's ports and everything below them.
"""
