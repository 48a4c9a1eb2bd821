"""The benchmarks behind the performance table in the README.

Each prints ratios within one run, because other machines can reproduce these.
"""
