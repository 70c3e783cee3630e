// What there is to be seen until the flow interface has come.
class Loading extends HTMLElement {
	connectedCallback() {
		this.setAttribute("role", "progressbar");
	}
}
customElements.define("ak-loading", Loading);
