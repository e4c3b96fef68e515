"""What SQLite and PostgreSQL have in common: tables, and statements that both understand.

Nothing here opens a connection; where the two databases differ in how something is best asked, the function asks the
connection which one it is. Imports application, projections and domain.
"""
