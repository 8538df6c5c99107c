"""Creates a table, inspects it by Django, reads it by an unmanaged model, and drops it."""

import datetime
import decimal
import io
import uuid

import django
from django.conf import settings
from django.core import management
from django.db import connection, models, transaction
from django.db.models import (
    Avg,
    Case,
    Count,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, ExtractSecond, Lower, Rank, TruncMinute
from django.db.utils import Error

from driven import DATABASE, DDL, HOST, PORT, USER, route, show, wait_for_rows

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "PORT": PORT,
            "USER": USER,
            "NAME": DATABASE,
            "OPTIONS": {"application_name": "django", "options": "-c statement_timeout=30000"},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.postgres",
    ],
    USE_TZ=True,
    # Neither the server's nor UTC: what comes as text must be of the session's zone.
    TIME_ZONE="America/Chicago",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.contrib.postgres.fields import ArrayField  # noqa: E402


class Driven(models.Model):
    label = models.CharField(max_length=30)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    ratio = models.FloatField()
    ok = models.BooleanField()
    at = models.DateTimeField()
    day = models.DateField()
    doc = models.JSONField()
    tags = ArrayField(models.TextField())
    small = models.SmallIntegerField()
    big = models.BigIntegerField()
    exact = models.DecimalField(max_digits=40, decimal_places=20)
    bytes = models.BinaryField()
    clock = models.TimeField()
    key = models.UUIDField()
    note = models.TextField()
    ints = ArrayField(models.IntegerField())

    class Meta:
        managed = False
        app_label = "driven"
        db_table = "driven"


def fail(step, attempt):
    """Shows the error that the attempt must raise."""
    try:
        show(step, "no error", attempt())
    except Error as error:
        show(step, type(error).__name__, error.__cause__.pgcode, str(error))


def scalar(text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()[0]


def command(*arguments, **options):
    """What a management command prints."""
    out = io.StringIO()
    management.call_command(*arguments, stdout=out, stderr=out, **options)
    show(arguments[0], out.getvalue())


def inspects():
    command("inspectdb", "driven")
    with connection.cursor() as cursor:
        introspection = connection.introspection
        show("tables", introspection.get_table_list(cursor))
        show("columns", introspection.get_table_description(cursor, "driven"))
        show("constraints", introspection.get_constraints(cursor, "driven"))
        show("sequences", introspection.get_sequences(cursor, "driven"))
        show("relations", introspection.get_relations(cursor, "driven"))


def reads():
    everything = Driven.objects.order_by("id")
    show("rows", [tuple(row) for row in everything.values_list()])
    found = Driven.objects.get(pk=3)
    show(
        "object",
        found.label,
        found.at.isoformat(),
        found.exact,
        bytes(found.bytes),
        found.key,
        found.tags,
        found.ints,
    )
    show(
        "pages",
        list(everything[2:4].values_list("id", flat=True)),
        everything.count(),
        everything.exists(),
        everything.last().id,
    )
    conditions = (
        Q(id__in=[1, 4, 99]),
        Q(label__startswith="row"),
        Q(label__iexact="ROW 2"),
        Q(note__contains="€"),
        Q(note__isnull=True, ok=False),
        Q(amount=decimal.Decimal("0.25")),
        Q(at__lt=datetime.datetime(2024, 1, 1, 0, 0, 2, tzinfo=datetime.timezone.utc)),
        Q(at__date=datetime.date(2023, 12, 31)),
        Q(at__hour=18),
        Q(day__range=(datetime.date(2024, 2, 22), datetime.date(2024, 2, 24))),
        Q(key=uuid.UUID(int=0)),
        Q(doc__a__0=1),
        Q(doc__has_key="a"),
        Q(tags__contains=["x"]),
        Q(ints__overlap=[-2, 5]),
        Q(tags__len=0),
        Q(clock__gte=datetime.time(12)),
        Q(label__regex="[1-3]$"),
        ~Q(small=None) & Q(big__gt=0),
    )
    for condition in conditions:
        show(str(condition), list(everything.filter(condition).values_list("id", flat=True)))
    show(
        "aggregates",
        Driven.objects.aggregate(
            Count("id"), Max("at"), Sum("amount"), Avg("ratio"), Count("note", distinct=True)
        ),
    )
    show(
        "groups",
        list(
            Driven.objects.values("ok")
            .annotate(n=Count("id"), total=Sum("amount"))
            .filter(n__gt=1)
            .order_by("ok")
        ),
    )
    show(
        "computed",
        list(
            everything.annotate(
                twice=F("amount") * 2, lower=Lower("label"), text=Cast("id", models.TextField())
            ).values_list("twice", "lower", "text")[:3]
        ),
    )
    show(
        "times",
        list(
            everything.annotate(minute=TruncMinute("at"), second=ExtractSecond("at")).values_list(
                "minute", "second"
            )[:2]
        ),
    )
    show(
        "months",
        list(Driven.objects.datetimes("at", "second")),
        list(Driven.objects.dates("day", "month")),
    )
    show(
        "case",
        list(
            everything.annotate(
                size=Case(When(id__gt=4, then=Value("high")), default=Value("low"))
            ).values_list("size", flat=True)
        ),
    )
    show(
        "ranked",
        list(
            everything.annotate(
                rank=Window(Rank(), partition_by=F("ok"), order_by=F("id").desc())
            ).values_list("rank", flat=True)
        ),
    )
    later = (
        Driven.objects.filter(ok=OuterRef("ok"), id__gt=OuterRef("id"))
        .order_by("id")
        .values("id")[:1]
    )
    show(
        "subquery", list(everything.annotate(later=Subquery(later)).values_list("later", flat=True))
    )
    show(
        "union",
        list(
            Driven.objects.filter(id=1)
            .values("id")
            .union(Driven.objects.filter(id=5).values("id"))
            .order_by("id")
        ),
    )
    show(
        "raw",
        [
            row.label
            for row in Driven.objects.raw("SELECT * FROM driven WHERE id < %s ORDER BY id", [2])
        ],
    )
    show("explained", "Scan" in Driven.objects.all().explain())
    show("deferred", Driven.objects.only("label").get(pk=4).note)
    scalar("SELECT count(*) FROM driven")
    route("count", scalar)


def cursors():
    """iterator() is a server-side cursor: WITH HOLD outside a transaction."""
    show("held", [row.id for row in Driven.objects.order_by("id").iterator(chunk_size=2)])
    with transaction.atomic():
        rows = Driven.objects.order_by("-id").iterator(chunk_size=2)
        show("first", next(rows).id, Driven.objects.count(), [row.id for row in rows])


def transactions():
    with transaction.atomic():
        show("in", Driven.objects.count())
        try:
            with transaction.atomic():
                scalar("SELECT 1/(id - 2) FROM driven")
                list(Driven.objects.extra(select={"bad": "1/(id - 2)"}).order_by("id"))
        except Error as error:
            show("savepoint", error.__cause__.pgcode)
        show("behind", Driven.objects.count())
        point = transaction.savepoint()
        fail("nope", lambda: scalar("SELECT nope FROM driven"))
        transaction.savepoint_rollback(point)
        show("rolled back", Driven.objects.count())
        locked = Driven.objects.select_for_update().filter(id=1)
        show("locked", list(locked.values_list("label", flat=True)))
    connection.set_autocommit(False)
    fail("nope", lambda: scalar("SELECT nope FROM driven"))
    fail("failed", Driven.objects.count)
    connection.rollback()
    connection.set_autocommit(True)


def migrates():
    """Tables of Django's own beside the one under test."""
    command("migrate", verbosity=0)
    group = Group.objects.create(name="row 3")
    show(
        "joined",
        list(
            Driven.objects.filter(label__in=Group.objects.values("name")).values_list(
                "id", flat=True
            )
        ),
    )
    Group.objects.bulk_create(
        [
            Group(name=label)
            for label in Driven.objects.filter(id__gt=6).values_list("label", flat=True)
        ]
    )
    show("groups", list(Group.objects.order_by("name").values_list("name", flat=True)), group.name)
    show(
        "updated",
        Group.objects.filter(name="row 3").update(name="three"),
        Group.objects.all().delete(),
    )
    command("sqlflush")
    command("migrate", "auth", "zero", verbosity=0)


with connection.cursor() as cursor:
    cursor.execute(DDL)
    show("created", cursor.cursor.statusmessage)
wait_for_rows(Driven.objects.count)
for part in (inspects, reads, cursors, transactions, migrates):
    part()
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE driven")
fail("gone", Driven.objects.count)
