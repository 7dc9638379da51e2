"""Variants of espeak-ng's Mandarin voice: those the tiny model learns, and those it never hears.

`espeak-ng -v cmn-latn-pinyin+<variant>`; "" is the plain voice. Texts spoken in unseen ones tell
how well the model does with somebody new.
"""

SEEN = (
    "", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "f1", "f2", "f3", "f4",
    "croak", "Andy", "Annie", "linda", "pablo", "Denis", "Mario", "Marco", "marcelo", "Alex",
    "Alicia", "Andrea", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Michael", "Mike",
    "anika", "antonio", "aunty", "boris", "caleb", "david", "ed", "edward", "grandma",
    "grandpa", "gustave", "iven", "john", "klatt", "klatt2", "klatt3", "klatt4", "kaukovalta",
    "miguel", "michel", "norbert", "paul", "pedro", "rob", "robert", "sandro", "steph", "steph2",
    "travis", "victor", "zac", "fast",
)  # fmt: skip
UNSEEN = ("f5", "m6", "belinda", "quincy", "max", "Lee", "shelby", "adam")
