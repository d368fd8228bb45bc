"""Small lexicons in English, German, French, Italian, Spanish, Portuguese, and Hindi in Latin letters.

One entry a line part, split at commas; entries may be phrases. They are folded the way texts are
(`processors.text.fold`), so case, accents and repeated letters play no part. Kept small on purpose: what is
judged is a share against the influencer's own past, not one comment.
"""

from __future__ import annotations

from typing import Final

#: Words of praise that a comment can be made of whoever posts whatever.
PRAISE: Final = """
wow, nice, great, cool, good, awesome, amazing, beautiful, gorgeous, stunning, lovely, love, loved,
perfect, superb, super,
fantastic, wonderful, brilliant, incredible, excellent, fabulous, cute, pretty, sweet, adorable, sexy,
hot, fire, lit, goals,
queen, king, boss, legend, top, best, yes, yas, yess, yay, lol, haha, hahaha, omg, congrats,
congratulations, inspiring, inspiration, respect,
well done, bravo, elegant, classy, handsome, marvelous, dope, sick, slay, iconic, facts, true, thanks,
thank, same, epic, neat, sublime
schon, mega, geil, toll, klasse, wunderschon, hammer, spitze, traumhaft, super, prima, hubsch, genial,
herrlich, danke, liebe, stark, krass, perfekt
magnifique, genial, genialissime, superbe, bravo, beau, belle, joli, jolie, top, sublime, parfait, trop,
adore, jadore, merci, mignon, canon, splendide
bello, bella, bellissimo, bellissima, stupendo, stupenda, fantastico, fantastica, meraviglioso,
meravigliosa, splendida, splendido, brava, bravo, bravissima, grande, carino, carina, adoro, grazie
lindo, linda, hermoso, hermosa, bonito, bonita, guapa, guapo, precioso, preciosa, genial, increible,
encanta, bueno, buenisimo, crack, bella, divina, gracias, belleza, reina, preciosos
lindo, linda, linda, maravilhoso, maravilhosa, perfeito, perfeita, demais, amei, adorei, incrivel, gata,
gato, top, show, arrasou, obrigada, deusa
mast, badhiya, accha, acha, sundar, kamaal, zabardast, bohot, bahut, khoobsurat, jhakkas, waah, wah, osm,
osam, mashallah, masha, allah, ek number, shandar, pyari, pyara
"""

#: Words that add nothing to praise.
FILLERS: Final = """
so, very, really, this, that, it, is, i, my, you, your, the, a, an, such, much, too, as, all, of, always,
dear, bro, sis, sir, mam, maam, man, girl, babe, friend,
to, me, one, ever, just, look, looking, looks, pic, photo, shot, post, content, page, style, work, job,
video, vibes, picture, profile, feed, stuff, outfit, song, done, please
so, sehr, wie, ist, das, richtig, echt, ein, eine, bild, ja, ich, es
si, tres, trop, que, cest, est, le, la, bien, quel, quelle, photo, cool
che, molto, troppo, sei, il, foto, proprio, davvero
que, muy, me, tan, el, la, es, mas, foto, te, lo, quiero, todo
que, muito, mais, isso, ta, e, o, voce, foto
hai, he, yaar, bhai, ji, didi, lag, rahi, ho, h, hi
"""

#: What the speaker wants to buy, or to know before buying.
INTENT: Final = """
price, prize please, how much, cost, costs, buy, bought where, purchase, order, ordering, shop, store,
link, links, size, sizes, sizing, in stock, restock, restocked, available, availability,
shipping, ship, ships, deliver, delivery, discount, discount code, promo code, coupon, need this,
want this, i need it, i want it, want one, need one, where is it from, where is this from,
where did you get,
where can i get, where can i find, where do you get, where to get, which brand, what brand, brand name,
details please, is it worth, worth buying, what shade, which shade
preis, kostet, kosten, wo gekauft, wo hast du, kaufen, bestellen, bestellt, wo gibt, grosse,
welche marke, lieferung, versand, rabatt, rabattcode, will ich, haben will, verfugbar
prix, combien, coute, acheter, achete, commander, commande, ou as tu trouve, ou las tu, ou trouver,
taille, lien, quelle marque, livraison, code promo, disponible, je veux, il me le faut
prezzo, quanto costa, costa, comprare, compro, comprato, ordinare, dove lhai, dove si compra, dove trovo,
taglia, che marca, spedizione, sconto, codice sconto, disponibile, lo voglio
precio, cuanto cuesta, cuanto vale, cuesta, comprar, compraste, pedir, donde lo, donde la,
donde compraste, donde consigo, donde encuentro, talla, enlace, que marca, envio, envios, descuento,
codigo, disponible, lo quiero, la quiero
preco, valor, quanto custa, quanto e, comprar, comprou, encomendar, onde voce, onde compro, onde comprou,
onde encontro, tamanho, qual marca, frete, desconto, cupom, disponivel, eu quero, quero
kitne ka, kitna hai, kitne, kimat, keemat, daam, kaha se, kahan se, kharida, kharidna, chahiye, rate kya,
konsa brand, kaunsa, konsi, link do, link please, kaha milega, kahan milega, cod available
"""

#: What speaks against the thing, the price, or the speaker's good faith.
OBJECTION: Final = """
too expensive, so expensive, overpriced, expensive, rip off, ripoff, waste of money, fake, scam, scammer,
fraud, liar, lies, lying, broken, broke after, stopped working, doesnt work, does not work, didnt work,
not working,
unfollow, unfollowed, unfollowing, unsubscribe, unsubscribed, sellout, sell out, sold out to, another ad,
just an ad, only ads, too many ads, nothing but ads, boring, disappointed, disappointing, cringe, worst,
terrible, awful, horrible,
bad quality, poor quality, cheap quality, refund, money back, never arrived, no response, dont buy,
do not buy, never buy, misleading, clickbait, animal testing, allergic, rash, harmful, greenwashing
zu teuer, teuer, abzocke, betrug, kaputt, fake, schlechte qualitat, entfolgt, entfolge, deabonniert,
nur werbung, schon wieder werbung, nur noch werbung, enttauscht, funktioniert nicht, geht nicht,
peinlich, lugner, geldverschwendung
trop cher, trop chere, cher pour, arnaque, faux, casse, mauvaise qualite, desabonne, me desabonne,
encore une pub, que des pubs, decu, decue, decevant, ne marche pas, fonctionne pas, menteur, menteuse
troppo caro, troppo cara, costoso, truffa, falso, rotto, rotta, scarsa qualita, smetto di seguirti,
solo pubblicita, ancora pubblicita, deluso, delusa, deludente, non funziona, bugiardo, bugiarda
demasiado caro, muy caro, carisimo, caro, estafa, falso, roto, rota, mala calidad, dejo de seguir,
dejar de seguir, pura publicidad, otra publicidad, decepcion, decepcionado, decepcionada, no funciona,
mentiroso, mentirosa
muito caro, caro demais, golpe, falso, quebrado, quebrou, ma qualidade, pessima qualidade,
deixei de seguir, parei de seguir, so propaganda, so publi, decepcionada, decepcionado, nao funciona,
mentiroso, mentirosa, enganacao
mehnga, mehenga, mahanga, bahut mehnga, nakli, dhokha, dhoka, bekar, bakwas, jhuth, jhoot, jhutha,
kharab, tut gaya, paisa barbad, paise barbad, ghatiya
"""

#: Promotion of something of the speaker's own: (weight, entries). Weights add up; 1 and more is promotion.
PROMOTION: Final = (
    (1.0, """subscribe, subscribes, subscriber, subscribers, sub4sub, sub for sub, sub to my, sub to me,
    sub my, follow me, followme, follow back, follow my, f4f, l4l, like4like, follow4follow, add me on,
    my channel, my chanel, my chanell, my chanal,
     our channel, this channel, my youtube, my page, my profile, my mixtape, my music, my covers,
     my cover, my new song, my song, my songs, my band, our band, our covers, our songs, my playlist,
     my instagram, my blog, our website, my website, my site, my videos, my video, my vids, check my,
     checkout my, checked out my,
     check out this, check this out, check me out, check out our, check out my, come and watch,
     come watch, watch my, listen to my, visit my, promote it on, promote on, promote your, send it to,
     send this to, collab with us, be our ambassador, brand ambassador, we want to collab, lets collab,
     dm us, dm to, message us, inbox us,
     whatsapp me, whatsapp number, telegram, bitcoin, forex, crypto, binary options, investment,
     invest with, trading with, earn money, make money, earn from home, work from home,
     working from home, passive income, gift card, gift cards, free followers, buy followers,
     gain followers, get followers, cheap followers, adfly, onlyfans, sugar daddy, sugar baby,
     spell caster,
     kanal abonniert, abonniert meinen, mein kanal, meinen kanal, folgt mir, folge mir, abonnez vous,
     ma chaine, suivez moi, mon compte, iscriviti, il mio canale, seguimi, suscribete, suscribanse,
     mi canal, sigueme, siganme, inscreva, inscrevam, meu canal, me segue, sigam, mera channel,
     mere channel, channel ko"""),
    (0.5, """channel, channels, chanel, check out, checkout, click, click here, website, web site, visit,
    please like, like this comment, like my comment, thumbs up if, thumbs up this, share this, vote for,
    help me reach, help me get, giveaway on, free, download, facebook page, sign up, join, playlist,
    remix, cover, covers, rapper, producer, mixtape, upload, uploads, uploaded, vlog, vlogs, vine, vines,
    link in my, youtube com, google, android, app, online, cash, dollars, paypal, win"""),
)  # fmt: skip

#: Top-level domains (and shorteners) that make a bare "name.tld" an address.
DOMAINS: Final = (
    "com net org tk ly info me co biz ru pl de fr it es br in uk io tv xyz site online shop store link gg be"
)

#: First words of a question without a question mark.
ASKING: Final = """
who, what, where, when, why, how, which, whose, is it, are you, can you, could you, do you, does it,
did you, will you, would you, anyone know
wer, was, wo, wann, warum, wie viel, wieviel, welche, welcher, welches, woher, kannst du, hast du,
weiss jemand
qui, ou, quand, pourquoi, comment, combien, quelle, quel, est ce, peux tu, as tu
chi, dove, quando, perche, quanto, quale, puoi, sai
quien, donde, cuando, por que, cuanto, cual, puedes, alguien sabe, sabes
quem, onde, quando, quanto, qual, voce pode, alguem sabe
kya, kaha, kahan, kab, kyu, kyun, kaise, kitna, kitne, kaun, kon, kaunsa, konsa
"""
