"""Groups of accounts who act together: on one influencer's posts (`within`), on those of several (`across`).

Plain values in, plain values out: ledgers keep the values (processors/ledgers/coaction).
"""
