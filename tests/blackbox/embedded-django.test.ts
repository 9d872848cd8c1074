/** A Django project as `django-admin startproject` makes it, run by ugate: admin, forms with CSRF, sessions, sqlite, static files, and reloads. */

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { run } from '../support/process.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { get, kill, Tree } from './embedded.ts';
import { blackbox, shared } from './front.ts';
import { UNLIKE } from './wsgi.ts';

const DJANGO = { needs: ['django', 'requests'], ...UNLIKE } as const;
const ENV = { PYTHONDONTWRITEBYTECODE: '1' };
const SETTINGS = `
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS += ["shop"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["OPTIONS"] = {"timeout": 20}
`;
const MODELS = `
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=40)
    price = models.IntegerField()

    def __str__(self):
        return self.name
`;
const ADMIN = `
from django.contrib import admin

from shop.models import Product

admin.site.register(Product)
`;
const VIEWS = `
from django import forms
from django.contrib.staticfiles.views import serve
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token

from shop.models import Product


class OrderForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ["name", "price"]


def order(request):
    if request.method != "POST":
        return HttpResponse('<form><input name="csrfmiddlewaretoken" value="%s"></form>' % get_token(request))
    form = OrderForm(request.POST)
    product = form.save()
    request.session["mine"] = request.session.get("mine", 0) + 1
    return JsonResponse({"name": product.name, "mine": request.session["mine"]})


def count(request):
    return JsonResponse({"orders": Product.objects.filter(price=1).count()})


def static(request, path):
    return serve(request, path, insecure=True)


def fail(request):
    raise KeyError("a fault in a view")
`;
const URLS = `
from django.contrib import admin
from django.urls import path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls), path("order", views.order), path("count", views.count), path("fail", views.fail),
    path("static/<path:path>", views.static),
]
`;

async function command(folder: TemporaryFolder, ...words: string[]): Promise<void> {
  const env = { ...ENV, DJANGO_SUPERUSER_PASSWORD: 'only for tests' };
  const { code, stderr } = await run([python(), ...words], { cwd: folder.path, env });
  assert.equal(code, 0, stderr);
}

async function makeProject(folder: TemporaryFolder): Promise<void> {
  await command(folder, '-m', 'django', 'startproject', 'mysite', folder.path);
  await command(folder, 'manage.py', 'startapp', 'shop');
  appendFileSync(folder.file('mysite/settings.py'), SETTINGS);
  const files = { 'mysite/urls': URLS, 'shop/models': MODELS, 'shop/admin': ADMIN, 'shop/views': VIEWS };
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(`${name}.py`), text);
  await command(folder, 'manage.py', 'makemigrations', '-v0', 'shop');
  await command(folder, 'manage.py', 'migrate', '-v0');
  await command(folder, 'manage.py', 'createsuperuser', '--noinput', '--username', 'admin', '--email', 'admin@example.com');
}

/** The project, run by the Python that Django was installed for. */
const site = shared(async () => {
  const project = temporaryFolder();
  await makeProject(project);
  const words = ['--chdir', project.path, '--wsgi', 'mysite.wsgi:application', '--env', 'DJANGO_SETTINGS_MODULE=mysite.settings'];
  const home = existsSync('/usr/bin/python3') ? ['--home', '/usr'] : [];
  const tree = await Tree.start(['--http', '127.0.0.1:0', '--master', '--processes', '4', ...words, ...home], { env: ENV });
  const stop = async (): Promise<void> => {
    await tree[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  };
  return Object.assign(tree, { project, stop });
});

async function client<Answer>(name: string, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await run([python(), join(ROOT, 'tests/peers/wsgi_django_client.py'), name, ...args], { lifetime: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

blackbox('the admin: log in, add a product by its form, log out', DJANGO, async () => {
  const { gate } = await site();
  assert.deepEqual(await client('admin', gate.url), {
    asked: '/admin/login/?next=/admin/shop/product/',
    entered: [302, '/admin/shop/product/'],
    added: true,
    left: 200,
    again: '/admin/login/?next=/admin/shop/product/',
    style: 'text/css',
  });
});

blackbox('customers at once: sessions, CSRF and sqlite lose nothing, also over reloads', DJANGO, async () => {
  const tree = await site();
  const { target, pid, url } = tree.gate;
  const before = JSON.parse((await exchange(target, get('/count'))).text()) as { orders: number };
  const customers = client<{ wrong: unknown[]; forged: number }>('shop', url, '4', '12');
  for (let round = 0; round < 2; round++) await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/, 15_000);
  const { wrong, forged } = await customers;
  assert.deepEqual(wrong, []);
  assert.equal(forged, 403);
  assert.deepEqual(JSON.parse((await exchange(target, get('/count'))).text()), { orders: before.orders + 48 });
});

blackbox('static files: whole, HEAD, and 304', DJANGO, async () => {
  const { gate } = await site();
  await using client = await RawClient.connect(gate.target);
  const path = '/static/admin/css/base.css';
  const file = await client.request(get(path));
  assert.equal(file.status, 200);
  assert.equal(file.body.length, Number(file.header('content-length')));
  assert.ok(file.body.length > 5000);
  const head = await client.request(`HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.deepEqual([head.status, head.header('content-length'), head.body.length], [200, file.header('content-length'), 0]);
  const known = await client.request(get(path, `If-Modified-Since: ${file.header('last-modified')}\r\n`));
  assert.deepEqual([known.status, known.body.length], [304, 0]);
  assert.equal((await client.request(get('/static/none.css'))).status, 404);
});

blackbox('a fault in a view: Django’s own page, its words in the log, and new code by a reload', DJANGO, async () => {
  const tree = await site();
  const { target, pid } = tree.gate;
  const page = await exchange(target, get('/fail'));
  assert.equal(page.status, 500);
  assert.match(page.text(), /KeyError/);
  await tree.log(/Internal Server Error: \/fail[\s\S]*a fault in a view/);
  const views = tree.project.file('shop/views.py');
  writeFileSync(views, readFileSync(views, 'utf8').replace('raise KeyError("a fault in a view")', 'return HttpResponse("mended")'));
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/);
  assert.equal((await exchange(target, get('/fail'))).text(), 'mended');
});
