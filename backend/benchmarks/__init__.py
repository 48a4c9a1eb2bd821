"""The comparisons of the README's performance table. Each prints ratios of one run,
which machines may repeat.
"""
