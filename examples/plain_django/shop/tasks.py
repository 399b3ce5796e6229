from celery import shared_task


@shared_task
def add(x, y):
    return x + y


@shared_task
def send_confirmation(order_id):
    return f"Order {order_id} is on its way."
