"""A simulation of the whole runtime: months of mixed traffic over five providers that fail, in minutes.

    spec       what is simulated: seed, days, calls      cast      the five providers, and the configuration
    traffic    what is asked, when, and how              faults    what befalls the providers, and when
    mishaps    what befalls the runtime itself           wall      a wall clock that jumps
    providers  providers that tell what they see         callers   one call, from the caller's side
    books      every attempt, call and cent, compared    windows   the limits, measured at the providers
    circuits   what circuits may and may not do          rest      nothing is held while nobody calls
    tally      how often each fault was seen             witness   sees everything, and keeps what must not be
    rule       when a circuit must open                  growth    whether a runtime at rest has grown
    stage      the runtime through all its lives         run       all of it together, and the verdict
    report     the same, as data and as a page

Everything follows from the seed: the same seed gives the same run to the last event, and `callboard simulate --seed N`
repeats one. Whoever builds on callboard may use its parts for simulations of their own.
"""
