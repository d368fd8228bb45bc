"""Words that no comment is about, in the languages of the lexicons: left out of what is talked about."""

from __future__ import annotations

from typing import Final

_LINES: Final = """
the and for are but not you all any can had her was one our out day get has him his how man new now old
see two way who
did its let put say she too use that with have this will your from they know want been good much some
time very when
come here just like long make many more only over such take than them well were what where which while
would there
their about after again also because been before being both could does doing down during each few
further into itself
most other same should then these those through under until why yours really please thanks thank lol omg
wow haha got
love loved amazing beautiful nice great cool awesome best pretty dont cant didnt doesnt isnt thats youre
ive let lets
der die das und ist nicht ein eine einen einem einer mit auf auch dem den des fur für von wie was wenn
ich sie wir ihr
mich dir dich sich aber oder noch nur schon sehr mal dann hier hat habe haben sind war wird kann als aus
bei nach zum zur
les des est une dans pas plus pour que qui sur avec tout tous cette ces son sont mais moi toi lui nous
vous elle ils aux
très tres trop bien merci fait comme aussi être ete ont par
che non per una con sono del della dei gli nel come anche più piu molto questo questa quello tutto cosa
mio tuo ma
los las del que por con para una está esta este muy más mas pero como todo todos también tambien gracias
eso son fue hay
que não nao uma com para por mais muito como isso essa esse você voce meu minha sua seu tem foi são sao
mas dos das
hai hain aap apka aapka aapki apki mein main mai kya nahi nhi koi bhi aur iss unka uska kar raha rahi
hota tha the thi
"""
STOPWORDS: Final = frozenset(_LINES.split())
