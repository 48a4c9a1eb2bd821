"""The benchmarks of the performance table in the README.

Each prints ratios within one run, which can be reproduced on other machines.
"""
