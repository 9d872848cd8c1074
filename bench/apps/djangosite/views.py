from django.shortcuts import render

from .models import Article


def page(request):
    """The newest twenty of a hundred articles, for the user of the session, with what the session remembers."""
    articles = Article.objects.order_by("-published")[:20]
    return render(request, "page.html", {"articles": articles, "basket": request.session.get("basket", [])})
