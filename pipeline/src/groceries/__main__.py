"""`python -m groceries STAGE ...`"""

from groceries.cli import main

main()
