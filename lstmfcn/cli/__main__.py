"""How is the command run as ``python -m lstmfcn.cli``?"""

import sys

from lstmfcn.cli.entry import main

sys.exit(main())
