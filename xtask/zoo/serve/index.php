<?php // A page that asks a database over a connection that is kept from request to request.
$base = mysqli_connect('p:127.0.0.1', 'zoo', 'zoo', 'test');
echo mysqli_query($base, 'SELECT 1')->fetch_row()[0], str_repeat("zoo\n", 100);
