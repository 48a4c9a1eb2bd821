"""The benchmarks behind the performance table in the README.

Each benchmark prints ratios within one run, because ratios can be reproduced on other
machines.
"""
