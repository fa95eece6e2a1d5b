"""Words that say nothing about what an article tells, and the few that say something of their own. Pure data.

Seven languages, folded. Everything else is learned from the archive: how rare a word is decides what it counts.
"""

from __future__ import annotations

_FUNCTION = """
a about after again all also an and any are as at be been before but by can could did do does for from had has have he
her him his how if in into is it its just like may me might more most my new no not now of off on one or other our out
over said say says she should so some such than that the their them then there these they this those to up us was we
were what when where which while who why will with would you your
al como con cual cuando de del desde donde el ella en entre era es esta este esto fue ha han hasta hay la las lo los
más muy no o para pero por que se ser si sin sobre son su sus también tras un una uno y ya
au aux avec ce ces cette dans des du elle elles est et été il ils je la le les leur leurs mais ne nous on ont où ou par
pas plus pour qu que qui sa sans se selon ses son sont sur un une vous
а без бы был была были было в вы где для до его ее её если есть еще ещё же за и из или им их к как ко когда которые
который ли между мы на не него нет но о об он она они оно от по под при с со так также то только у уже чем что чтобы это
этого этот я
але або був була були було в від вже він вона вони воно де до для є з за зі і із їх її його й як які який коли на не
ми ні о об по при про та так також те ти то у у разі цей це ці що щоб я
في من على إلى عن مع أن إن كان كانت التي الذي هذا هذه ذلك بعد قبل بين خلال لا ما لم لن قد أو ثم حتى كما و يوم
של את על עם אל מן כי לא גם או אם הוא היא הם הן זה זו אשר אך רק כל יש אין היה היתה היו בין אחרי לפני עד
"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())

_DAYS = """
monday tuesday wednesday thursday friday saturday sunday
mon tue wed thu fri sat sun
lunes martes miércoles jueves viernes sábado domingo
lundi mardi mercredi jeudi vendredi samedi dimanche
понедельник вторник среду четверг пятницу субботу воскресенье
понеділок вівторок середу четвер пятницю суботу неділю
الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد
"""
WEEKDAYS = {word: day for line in _DAYS.split("\n") for day, word in enumerate(line.split())}
"""Folded name of a weekday -> its number, Monday 0. Hebrew days are numerals and left out."""

_PARTS = """
day week part episode chapter issue volume edition round no
día semana parte episodio capítulo número jour semaine partie épisode chapitre numéro
день неделя часть серия выпуск глава доба тиждень частина серія випуск розділ день
اليوم الأسبوع الجزء الحلقة יום שבוע חלק פרק
"""
SERIES = frozenset(_PARTS.split())
"""Words beside which a number counts the parts of a series: "day 12 of ..."."""

CASUALTIES = (
    "kill", "dead", "death", "die", "dying", "wound", "injur", "casualt", "victim", "toll",
    "muert", "mata", "herid", "fallec", "víctim", "mort", "tué", "tue", "bless", "victime",
    "погиб", "убит", "ранен", "жертв", "загин", "вбит", "поранен",
    "قتل", "قتيل", "قتلى", "مقتل", "جريح", "جرح", "شهيد", "شهداء", "הרוג", "נהרג", "פצוע", "נפצע",
)  # fmt: skip
"""Beginnings of words beside which a number counts people killed or wounded."""
