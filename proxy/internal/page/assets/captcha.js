// Has a provider's script draw its captcha, and puts its result into the
// form. The provider is known by what its script defines, never by its address:
// whatever defines the same works too.

const box = document.querySelector(".captcha");
const place = box.querySelector(".captcha-place");
const says = box.querySelector("[role=status]");
const ways = document.querySelector(".captcha-ways");
const field = box.querySelector("input");
const form = field.form;
const { script, key } = box.dataset;
const visible = "visible" in box.dataset;
const alone = "alone" in box.dataset;

let widget; // what is drawn
let waiting = alone; // whether the form goes as soon as there is a token
let pressed; // the button that it goes by

const say = (name) => (says.textContent = box.dataset[name] ?? "");

function taken(token) {
	if (!token || token === field.value) return; // some say it twice
	field.value = token;
	ways.hidden = true;
	say("");
	if (waiting) setTimeout(() => form.requestSubmit(pressed)); // a form that is just being held back cannot be sent
}

function expired() {
	field.value = "";
	if (visible) say("expired");
}

function failed() {
	field.value = "";
	ways.hidden = false;
	say("failed");
	return true; // no other code needs to report it
}

// Each provider draws, and says how to begin and how to begin anew. Where nothing
// is to be seen, two of them wait to be told; the third begins by itself.
const providers = {
	hcaptcha(api, options) {
		const id = api.render(place, options);
		const run = () => api.execute(id, { async: true })?.then(({ response }) => taken(response), failed);
		return { run, reset: () => api.reset(id) };
	},
	grecaptcha(api, options) {
		const id = api.render(place, options);
		return { run: () => api.execute(id), reset: () => api.reset(id) };
	},
	turnstile(api, options) {
		const id = api.render(place, { ...options, language: options.hl.toLowerCase(), size: roomy() ? "flexible" : "compact" });
		return { run() {}, reset: () => api.reset(id) };
	},
};

// The widgets have sizes of their own, which a small telephone has no room for.
const roomy = () => box.clientWidth >= 304;

function options() {
	const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
	return {
		sitekey: key, theme: dark, hl: document.documentElement.lang,
		size: visible ? (roomy() ? "normal" : "compact") : "invisible",
		callback: taken, "expired-callback": expired, "error-callback": failed,
	};
}

// hCaptcha defines what reCAPTCHA does as well, so it comes first.
function loaded() {
	const name = Object.keys(providers).find((name) => window[name]?.render || window[name]?.ready);
	const draw = () => {
		try {
			widget = providers[name](window[name], options());
			ways.hidden = true;
			say(visible ? "" : "checking");
			run();
		} catch {
			failed();
		}
	};
	if (!name) failed();
	else if (name === "grecaptcha" && window[name].ready) window[name].ready(draw);
	else draw();
}

function run() {
	if (!visible && waiting) widget.run();
}

function load() {
	const element = document.createElement("script");
	element.src = script;
	element.onload = loaded;
	element.onerror = failed;
	document.head.append(element);
	say("loading");
	setTimeout(() => widget || failed(), 20_000); // it may still come: loaded takes that back
}

// A token is good once and for a short time.
function again() {
	field.value = "";
	ways.hidden = true;
	if (!widget) return load();
	widget.reset();
	say(visible ? "" : "checking");
	run();
}

// The form waits for the token, and goes when it comes. Who leads elsewhere does
// not need one.
form.addEventListener("submit", (event) => {
	if (field.value || event.submitter?.formNoValidate) return;
	event.preventDefault();
	[waiting, pressed] = [true, event.submitter];
	if (!widget) return ways.hidden && say("loading");
	say(visible ? "missing" : "checking");
	run();
});

ways.querySelector("button").addEventListener("click", again);
addEventListener("pageshow", (event) => {
	if (!event.persisted) return;
	waiting = alone;
	again();
});
load();
