from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Intent",
            fields=[("task_id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={"db_table": "chaos_intent", "default_permissions": ()},
        ),
    ]
