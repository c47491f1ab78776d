/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up names, as one might hear them in a market: an adjective and a thing on a stall. */
#include "store/instance_names.h"
#include "base/proc.h"
#include "base/str.h"

#include <assert.h>

static const char *const adjectives[] = {
        "amber", "ancient", "azure", "bold", "brave", "bright", "brisk", "bronze", "busy", "calm", "carved", "cheerful",
        "clever", "copper", "coral", "cosy", "crimson", "curious", "dusty", "eager", "early", "fair", "fine", "fragrant",
        "gentle", "gilded", "glad", "golden", "grand", "hardy", "hazel", "honest", "humble", "indigo", "ivory", "jade",
        "jolly", "keen", "kind", "lively", "loyal", "lucky", "mellow", "merry", "misty", "modest", "nimble", "noble",
        "olive", "opal", "painted", "patient", "pearly", "plain", "polite", "proud", "quick", "quiet", "rare", "ruby",
        "rustic", "saffron", "scarlet", "shady", "silken", "silver", "smooth", "spicy", "spry", "steady", "sturdy",
        "sunny", "swift", "tall", "tidy", "trusty", "velvet", "warm", "wise", "woven",
};
static const char *const things[] = {
        "abacus", "almond", "amphora", "anvil", "apricot", "arcade", "awning", "barley", "barrow", "basil", "basket",
        "bazaar", "beacon", "bell", "brazier", "caravan", "cardamom", "carpet", "cedar", "chest", "cinnamon", "clove",
        "coffee", "compass", "cumin", "cushion", "date", "dinar", "dome", "fennel", "fig", "flute", "fountain", "ginger",
        "goblet", "hammock", "harness", "henna", "hookah", "incense", "jasmine", "jug", "kettle", "lamp", "lantern",
        "ledger", "lemon", "loom", "lute", "melon", "mint", "mirror", "mosaic", "myrrh", "nutmeg", "orange", "parasol",
        "pepper", "pistachio", "pomegranate", "pottery", "quince", "raisin", "saddle", "samovar", "sandal", "satchel",
        "scale", "sesame", "shawl", "sherbet", "slipper", "spice", "stall", "sumac", "tambourine", "teapot", "thyme",
        "tile", "turban", "turmeric", "walnut", "wicker",
};
static_assert(ELEMENTSOF(adjectives) >= 60 && ELEMENTSOF(things) >= 60, "names would collide too often");

char *instance_name_make(unsigned attempt) {
        uint32_t n[3];
        const char *a, *t;

        random_bytes(n, sizeof(n));
        a = adjectives[n[0] % ELEMENTSOF(adjectives)];
        t = things[n[1] % ELEMENTSOF(things)];
        if (attempt < 3)
                return xasprintf("%s-%s", a, t);
        return xasprintf("%s-%s-%u", a, t, n[2] % (attempt < 16 ? 1000 : UINT32_MAX));
}
