from django.db import models, transaction

from shop.tasks import send_confirmation


class Order(models.Model):
    article = models.CharField(max_length=100)

    def __str__(self):
        return self.article


@transaction.atomic
def place_order(article):
    """Store the order and enqueue its confirmation: both happen, or neither."""
    order = Order.objects.create(article=article)
    return order, send_confirmation.delay(order.pk)
