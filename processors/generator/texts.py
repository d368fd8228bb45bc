"""Comments, answers and posts from templates. All strings are given back JSON-escaped, without quotes.

Shares as measured on real comments (evaluation.md): 29 % emoji only, 55 % three words or fewer; longer ones
are
put together from slots, so that exact duplicates stay near 3 % among them.
"""

from __future__ import annotations

import json
from random import Random
from typing import Final

EMOJI_ONLY: Final = 0.29
SHORT: Final = 0.55  # three words or fewer, emoji included


def escaped(text: str) -> str:
    """The text as the inside of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


_EMOJI = ("🔥", "😍", "❤️", "👏", "🙌", "😂", "💯", "✨", "🥰", "🤩", "💪", "😮", "🎉", "👌", "💛", "🚴")
_SHORT: Final[dict[str, tuple[str, ...]]] = {
    "en": ("wow", "love this", "so good", "amazing", "need this", "yes please", "goals", "so true",
           "well done",
           "beautiful", "this is great", "haha same", "nice one", "price?", "link?", "where?"),
    "de": ("wow", "so schön", "mega", "richtig gut", "sehr cool", "will ich auch", "top", "liebe es",
           "wie schön",
           "Preis?", "wo gekauft?"),
    "es": ("qué lindo", "me encanta", "genial", "buenísimo", "hermoso", "lo quiero", "increíble", "precio?",
           "muy bueno", "crack"),
    "fr": ("trop beau", "j'adore", "magnifique", "génial", "superbe", "bravo", "très bien", "le prix?",
           "trop cool"),
    "pt": ("que lindo", "amei", "maravilhoso", "demais", "top", "perfeito", "adorei isso", "qual o preço?"),
}  # fmt: skip
_LONG: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "en": (("Where did you get", "How long have you had", "Do you still like", "Is it worth buying",
            "Which size did you take for", "Would you recommend", "I tried", "My sister bought",
            "Can't stop thinking about",
            "I finally ordered", "Thank you for showing", "Nobody talks enough about"),
           ("these gloves", "that jacket", "this bag", "the blue one", "that recipe", "this route",
           "the new lens",
            "those shoes", "this cream", "that place", "the second one", "this set", "your helmet",
            "the small version"),
           ("since last spring", "for a beginner", "on a rainy day", "with two kids",
           "after watching your story",
            "even on a budget", "for the long weekend", "and it changed my mornings", "before the trip",
            "now that it is colder", "in the end", "and I have so many questions", "for my mum's birthday")),
    "de": (("Wo hast du", "Wie findest du inzwischen", "Lohnt sich", "In welcher Größe hast du",
           "Ich habe gestern",
            "Meine Schwester hat auch", "Danke fürs Zeigen von", "Endlich spricht jemand über"),
           ("die Handschuhe", "diese Jacke", "das Rezept", "die Strecke", "den kleinen Rucksack",
           "diese Schuhe",
            "die neue Creme", "das zweite Set"),
           ("gekauft, weißt du das noch", "für Anfänger", "auch bei Regen", "nach so langer Zeit",
           "mit zwei Kindern",
            "für das lange Wochenende", "jetzt wo es kälter wird", "und bin begeistert")),
    "es": (("Dónde compraste", "Todavía usas", "Vale la pena", "Qué talla elegiste para", "Ayer probé",
            "Mi hermana tiene", "Gracias por enseñar", "Por fin alguien habla de"),
           ("esos guantes", "la chaqueta", "esta receta", "la ruta del norte", "el bolso pequeño",
           "esas zapatillas",
            "la crema nueva", "el segundo conjunto"),
           ("desde la primavera", "para alguien que empieza", "cuando llueve", "con dos niños",
           "después de tanto tiempo",
            "para el fin de semana", "antes del viaje", "y me encantó")),
    "fr": (("Où as-tu trouvé", "Tu utilises toujours", "Est-ce que ça vaut", "Quelle taille pour",
           "J'ai essayé hier",
            "Ma sœur a aussi", "Merci de montrer", "Enfin quelqu'un parle de"),
           ("ces gants", "la veste", "cette recette", "ce parcours", "le petit sac", "ces chaussures",
           "la crème",
            "le deuxième ensemble"),
           ("depuis le printemps", "pour débuter", "sous la pluie", "avec deux enfants",
           "après tout ce temps",
            "pour le long week-end", "avant le voyage", "et j'en suis ravie")),
    "pt": (("Onde você comprou", "Você ainda usa", "Vale a pena", "Qual tamanho você pegou para",
           "Ontem testei",
            "Minha irmã também tem", "Obrigada por mostrar", "Finalmente alguém fala de"),
           ("essas luvas", "a jaqueta", "essa receita", "essa trilha", "a bolsa pequena", "esses tênis",
           "o creme novo",
            "o segundo kit"),
           ("desde a primavera", "para quem começa", "na chuva", "com duas crianças", "depois de tanto tempo",
            "para o feriado", "antes da viagem", "e amei demais")),
}  # fmt: skip
_ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Thank you so much!", "I got it last spring, link in my profile", "Size M, it runs small",
           "Haha yes!",
           "Tell me how it goes", "Will do a video on that", "Good question, I'll ask",
           "Since May, still love it"),
    "de": ("Danke dir!", "Letztes Frühjahr, Link im Profil", "Größe M, fällt klein aus", "Erzähl, wie es war",
           "Dazu mache ich ein Video"),
    "es": ("¡Muchas gracias!", "La primavera pasada, enlace en mi perfil", "Talla M", "Cuéntame qué tal",
           "Haré un vídeo sobre eso"),
    "fr": ("Merci beaucoup !", "Au printemps, lien dans mon profil", "Taille M",
           "Dis-moi comment ça se passe"),
    "pt": ("Muito obrigada!", "Na primavera, link no perfil", "Tamanho M", "Me conta depois",
           "Vou fazer um vídeo"),
}  # fmt: skip
_RETURNS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "Thanks for answering!",
        "Great, ordering it now",
        "Oh I will try that",
        "You are the best",
        "Good to know",
    ),
    "de": ("Danke für die Antwort!", "Super, bestelle ich", "Gut zu wissen"),
    "es": ("¡Gracias por responder!", "Genial, lo pido ya", "Bueno saberlo"),
    "fr": ("Merci de répondre !", "Super, je commande", "Bon à savoir"),
    "pt": ("Obrigada por responder!", "Ótimo, vou pedir", "Bom saber"),
}
_POSTS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "Morning light and a quiet road", "What I packed for three days away",
        "Two things I learned this week", "Trying this again after a year", "You asked, here is how I do it",
        "Small joys of this season", "Before and after, be honest", "The one I keep coming back to",
        "Sunday notes", "This took me far too long",
    ),
    "de": ("Was diese Woche gut war", "Drei Dinge, die ich gelernt habe", "Ihr habt gefragt, so geht das",
           "Vorher, nachher", "Sonntag, endlich Ruhe", "Das hat viel zu lange gedauert"),
    "es": ("Lo mejor de la semana", "Tres cosas que aprendí", "Me lo pedisteis: así lo hago",
           "Antes y después", "Domingo tranquilo", "Esto me llevó demasiado tiempo"),
    "fr": ("Le meilleur de la semaine", "Trois choses apprises", "Vous l'avez demandé, voilà comment je fais",
           "Avant, après", "Dimanche au calme", "Ça m'a pris bien trop longtemps"),
    "pt": ("O melhor da semana", "Três coisas que aprendi", "Vocês pediram: é assim que eu faço",
           "Antes e depois", "Domingo tranquilo", "Isso levou tempo demais"),
}  # fmt: skip
_OPENINGS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("", "", "", "Honestly, ", "Ok but ", "Hi! ", "So, ", "Quick one: ", "Hey, ", "Omg ",
           "Hello from {n}: "),
    "de": ("", "", "", "Ehrlich, ", "Hallo! ", "Also, ", "Kurze Frage: ", "Du, ", "Grüße aus {n}: "),
    "es": ("", "", "", "La verdad, ", "¡Hola! ", "Oye, ", "Una pregunta: ", "Saludos desde {n}: "),
    "fr": ("", "", "", "Franchement, ", "Coucou ! ", "Dis, ", "Petite question : ", "Bonjour de {n} : "),
    "pt": ("", "", "", "Sinceramente, ", "Oi! ", "Então, ", "Uma pergunta: ", "Um abraço de {n}: "),
}  # fmt: skip
_PLACES: Final = (
    "Leeds",
    "Cork",
    "Graz",
    "Lyon",
    "Bilbao",
    "Porto",
    "Recife",
    "Puebla",
    "Toronto",
    "Bern",
    "Hull",
    "Ghent",
    "Aarhus",
    "Cádiz",
    "Metz",
    "Natal",
    "Salta",
    "Essen",
    "Perth",
    "Austin",
)
#: What a giveaway's post says, by language.
GIVEAWAY: Final = {
    "en": "GIVEAWAY! Tag a friend below and follow to win. Ends Sunday",
    "de": "GEWINNSPIEL! Markiert eine Freundin und folgt mir. Bis Sonntag",
    "es": "¡SORTEO! Etiqueta a una amiga y sígueme. Hasta el domingo",
    "fr": "CONCOURS ! Identifie une amie et abonne-toi. Jusqu'à dimanche",
    "pt": "SORTEIO! Marque uma amiga e siga o perfil. Até domingo",
}

LANGS: Final = tuple(_SHORT)
_E = {
    "emoji": tuple(escaped(e) for e in _EMOJI),
}
_short = {lang: tuple(escaped(t) for t in texts) for lang, texts in _SHORT.items()}
_long = {lang: tuple(tuple(escaped(t) for t in slot) for slot in slots) for lang, slots in _LONG.items()}
_answers = {lang: tuple(escaped(t) for t in texts) for lang, texts in _ANSWERS.items()}
_posts = {lang: tuple(escaped(t) for t in texts) for lang, texts in _POSTS.items()}
_openings = {lang: tuple(escaped(t) for t in texts) for lang, texts in _OPENINGS.items()}
_returns = {lang: tuple(escaped(t) for t in texts) for lang, texts in _RETURNS.items()}


def comment(rng: Random, lang: str) -> str:
    """A comment in the language (English where we have no texts in it)."""
    u = rng.random()
    if u < EMOJI_ONLY:
        emoji = _E["emoji"]
        number = int(u * 2**50)
        number, one = divmod(number, len(emoji))
        number, more = divmod(number, 8)
        if more < 4:
            return emoji[one] * (1 + more % 3)
        number, two = divmod(number, len(emoji))
        number, three = divmod(number, len(emoji))
        return emoji[one] + (emoji[two] if more < 7 else emoji[two] * 2 + emoji[three])
    if u < SHORT:
        texts = _short.get(lang) or _short["en"]
        number = int(u * 2**50)
        number, one = divmod(number, len(texts))
        number, how = divmod(number, 16)
        return _varied(texts[one], how, number)
    first, middle, last = _long.get(lang) or _long["en"]
    number = int(rng.random() * 2**53)
    number, a = divmod(number, len(first))
    number, b = divmod(number, len(middle))
    number, c = divmod(number, len(last))
    openings = _openings.get(lang) or _openings["en"]
    number, o = divmod(number, len(openings))
    number, place = divmod(number, len(_PLACES))
    text = f"{openings[o].replace('{n}', _PLACES[place])}{first[a]} {middle[b]} {last[c]}"
    number, ending = divmod(number, 8)
    if ending < 3:
        return text + "?" * (1 + number % 2)
    if ending < 6:
        number, picture = divmod(number, len(_E["emoji"]))
        return text + " " + _E["emoji"][picture] * (1 + number % 2)
    return text + ("." if number & 1 else "")


def _varied(text: str, how: int, number: int) -> str:
    """Three words or fewer as people write them: with an emoji, a sign, a longer vowel, a word before."""
    emoji = _E["emoji"]
    number, one = divmod(number, len(emoji))
    if how < 5:
        return text
    if how < 10:
        return text + emoji[one] * (1 + number % 3)
    if how < 12:
        return text + ("!", "!!", "...", " x", "?!")[number % 5] if text[-1] != "?" else text + "?"
    if how < 14 and text[-1].isalpha():
        return text + text[-1] * (1 + number % 4) + emoji[one]
    if text.count(" ") < 2:
        return f"{('Omg', 'Yes', 'Haha', 'Ok', 'Ahh', 'Wow')[number % 6]} {text}"
    return text.capitalize() + emoji[one]


def answer(rng: Random, lang: str) -> str:
    """What the influencer answers."""
    return rng.choice(_answers.get(lang) or _answers["en"])


def comes_back(rng: Random, lang: str) -> str:
    """What a commenter says to the influencer's answer."""
    return rng.choice(_returns.get(lang) or _returns["en"])


def post(rng: Random, lang: str = "en") -> str:
    """The text of an own post, before any brand's words."""
    return rng.choice(_posts.get(lang) or _posts["en"])


def bought_comments(rng: Random, count: int) -> list[str]:
    """`count` templates as a seller of comments has them: generic praise."""
    praise = ("Great content", "Nice post", "Awesome page", "Love your style", "Amazing work", "So inspiring",
              "Keep it up", "What a shot", "Beautiful picture", "You look great", "This is fire",
              "Top quality",
              "Good vibes", "Perfect as always", "I like your feed", "Very cool profile")  # fmt: skip
    middles = ("", "", ", really", " my friend", " dear", " today", ", so true", " bro", " queen")
    tails = ("", "!", "!!", " 🔥", " 😍", " keep it up", " as always", " 👏👏", " from me", " ❤️")
    return [escaped(rng.choice(praise) + rng.choice(middles) + rng.choice(tails)) for _ in range(count)]


def edited(rng: Random, text: str) -> str:
    """A template as it comes out when it is to look written by hand: a letter, an emoji, the case changed."""
    chance = rng.random()
    if chance < 0.35:
        return f"{text} {rng.choice(_E['emoji'])}"
    if chance < 0.5:
        return text.lower()
    if chance < 0.65:
        return text + rng.choice(("!", "..", " :)", " x", "!!!"))
    if chance < 0.85 and len(text) > 4:
        at = rng.randrange(1, len(text) - 1)
        return text if "\\" in text else text[:at] + text[at] + text[at:]
    return rng.choice(("Wow, ", "Omg ", "Yes! ", "Hey, ")) + text


def pod_comment(rng: Random, lang: str) -> str:
    """What one writes under a post because one has to: short and kind, or a little longer."""
    if rng.random() < 0.25:
        return comment(rng, lang)
    shorts = _short.get(lang) or _short["en"]
    text = rng.choice(shorts)
    return f"{text} {rng.choice(_E['emoji'])}" if rng.random() < 0.5 else text


_FRIENDS: Final = ("anna", "lu", "maria", "joe", "kim", "sam", "tess", "nico", "leo", "eva", "jana", "rob",
                   "ola", "ines", "dani", "mike", "clara", "sofi")  # fmt: skip


def giveaway_comment(rng: Random) -> str:
    """Names a friend or two, as the post asks for."""
    names = " ".join(
        f"@{rng.choice(_FRIENDS)}{rng.choice(('.', '_', ''))}{rng.randrange(100)}"
        for _ in range(1 + (rng.random() < 0.3))
    )
    u = rng.random()
    if u < 0.6:
        return names
    return f"{names} done!" if u < 0.75 else f"{names} 🤞" if u < 0.9 else f"Done {names}"
