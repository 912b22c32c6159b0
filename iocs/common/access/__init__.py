"""Access security as in EPICS: who may read and write which PV, from an .acf file.

calc.py and acf.py read the file, rules.py decides (all pure); security.py applies it to an IOC.
"""
