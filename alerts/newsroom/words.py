"""What a page says besides its article, in the outlets' seven languages."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.newsroom.outlets import Article

RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur"})


@dataclass(frozen=True, slots=True)
class Words:
    """The furniture of a page in one language; `bulletin` is the filler an overflowing window is filled with."""

    sections: tuple[str, str, str, str]
    search: str
    cookies: str
    accept: str
    read_also: str
    most_read: str
    published: str
    updated: str
    letter: str
    rights: str
    older: str
    missing: str
    bulletin: tuple[str, str]


WORDS = {
    "en": Words(
        ("Home", "World", "Culture", "Contact"),
        "Search",
        "We use cookies to count visits. You can change this at any time in your settings.",
        "Accept",
        "Read also",
        "Most read",
        "Published",
        "Updated",
        "Get our morning letter: the day's headlines in your mailbox, free of charge.",
        "All rights reserved.",
        "Older articles",
        "This page does not exist.",
        (
            "Weather bulletin no. {n}",
            (
                "Light winds and scattered showers are expected along the coast. Temperatures stay near {n} degrees "
                "until the evening, and the mountain passes remain open to all traffic."
            ),
        ),
    ),
    "fr": Words(
        ("Accueil", "Monde", "Culture", "Contact"),
        "Rechercher",
        "Nous utilisons des cookies pour compter les visites. Vous pouvez modifier ce choix à tout moment.",
        "Accepter",
        "À lire aussi",
        "Les plus lus",
        "Publié le",
        "Mis à jour le",
        "Recevez notre lettre du matin : les titres du jour dans votre boîte, gratuitement.",
        "Tous droits réservés.",
        "Articles plus anciens",
        "Cette page n'existe pas.",
        (
            "Bulletin météo n° {n}",
            (
                "Vents faibles et averses éparses sont attendus sur le littoral. Les températures resteront proches de "
                "{n} degrés jusqu'au soir et les cols de montagne demeurent ouverts."
            ),
        ),
    ),
    "es": Words(
        ("Inicio", "Mundo", "Cultura", "Contacto"),
        "Buscar",
        "Usamos cookies para contar las visitas. Puede cambiar esta elección en cualquier momento.",
        "Aceptar",
        "Lea también",
        "Lo más leído",
        "Publicado",
        "Actualizado",
        "Reciba nuestra carta de la mañana: los titulares del día en su correo, sin costo.",
        "Todos los derechos reservados.",
        "Artículos anteriores",
        "Esta página no existe.",
        (
            "Boletín del tiempo n.º {n}",
            (
                "Se esperan vientos suaves y lluvias dispersas en la costa. Las temperaturas rondarán los {n} grados "
                "hasta la noche y los pasos de montaña siguen abiertos."
            ),
        ),
    ),
    "uk": Words(
        ("Головна", "Світ", "Культура", "Контакти"),
        "Пошук",
        "Ми використовуємо файли cookie, щоб рахувати відвідування. Ви можете змінити це будь-коли.",
        "Прийняти",
        "Читайте також",
        "Популярне",
        "Опубліковано",
        "Оновлено",
        "Отримуйте ранковий лист: заголовки дня у вашій пошті, безкоштовно.",
        "Усі права захищено.",
        "Давніші статті",
        "Такої сторінки немає.",
        (
            "Прогноз погоди № {n}",
            (
                "На узбережжі очікують слабкий вітер і місцями дощ. До вечора температура триматиметься близько {n} "
                "градусів, гірські перевали відкриті для всього транспорту."
            ),
        ),
    ),
    "ru": Words(
        ("Главная", "Мир", "Культура", "Контакты"),
        "Поиск",
        "Мы используем файлы cookie, чтобы считать посещения. Вы можете изменить это в любое время.",
        "Принять",
        "Читайте также",
        "Популярное",
        "Опубликовано",
        "Обновлено",
        "Получайте утреннее письмо: заголовки дня в вашем ящике, бесплатно.",
        "Все права защищены.",
        "Более ранние статьи",
        "Такой страницы нет.",
        (
            "Прогноз погоды № {n}",
            (
                "На побережье ожидаются слабый ветер и местами дождь. До вечера температура останется около {n} "
                "градусов, горные перевалы открыты для любого транспорта."
            ),
        ),
    ),
    "ar": Words(
        ("الرئيسية", "العالم", "ثقافة", "اتصل بنا"),
        "بحث",
        "نستخدم ملفات تعريف الارتباط لإحصاء الزيارات، ويمكنكم تغيير ذلك في أي وقت.",
        "موافق",
        "اقرأ أيضا",
        "الأكثر قراءة",
        "نشر في",
        "حدث في",
        "احصل على رسالتنا الصباحية: عناوين اليوم في بريدك مجانا.",
        "جميع الحقوق محفوظة.",
        "مقالات أقدم",
        "هذه الصفحة غير موجودة.",
        (
            "نشرة الطقس رقم {n}",
            (
                "يتوقع هبوب رياح خفيفة وهطول أمطار متفرقة على الساحل. وتبقى درجات الحرارة قريبة من {n} درجة حتى "
                "المساء، والممرات الجبلية مفتوحة أمام المركبات."
            ),
        ),
    ),
    "he": Words(
        ("ראשי", "עולם", "תרבות", "צור קשר"),
        "חיפוש",
        "אנו משתמשים בעוגיות כדי לספור ביקורים. אפשר לשנות זאת בכל עת.",
        "אישור",
        "קראו גם",
        "הנקראים ביותר",
        "פורסם",
        "עודכן",
        "קבלו את מכתב הבוקר שלנו: כותרות היום לתיבה, ללא תשלום.",
        "כל הזכויות שמורות.",
        "כתבות קודמות",
        "הדף הזה אינו קיים.",
        (
            "תחזית מזג האוויר מס' {n}",
            (
                "רוחות קלות וגשמים מקומיים צפויים לאורך החוף. הטמפרטורות יישארו סביב {n} מעלות עד הערב, ומעברי ההרים "
                "פתוחים לכל כלי הרכב."
            ),
        ),
    ),
}


def words(language: str) -> Words:
    """The words of a language, English where we have none."""
    return WORDS.get(language, WORDS["en"])


def bulletin(number: int, language: str) -> Article:
    """A harmless article about the weather; the same one each time for a number and a language."""
    title, text = (part.format(n=number) for part in words(language).bulletin)
    return Article(
        id=f"bulletin-{number:03}", hours_ago=0, title=title, summary=text, body=f"{text}\n\n{title}. {text}"
    )
