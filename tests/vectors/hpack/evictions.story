# A table of 200 bytes: entries go in the block that uses them, names come from
# entries that the new one evicts, and one entry is larger than the table.
limit 200
block 3fa9014085a87495607f85ee3a2d2a804085a8749560ff86ee3a2d2a8b33bf4080807f018e8ffff8ffffb967fff0501ffffd5f
field name-0 value\200
field name-1 value\20-3
field name-0 value\200
field  
field name-0 b\c3\a4r\5c\200\09
block 7f0185ee3a2d2a814085a87495617f86ee3a2d2a8b0bbfc17f000862c3a4725c203109
field name-1 value\201
field name-2 value\20-2
field name-1 value\201
field  
field name-1 b\c3\a4r\5c\201\09
block 7f0085ee3a2d2a824085a87495667f86ee3a2d2a8b07bf4080807f010862c3a4725c203209
field name-2 value\202
field name-3 value\20-1
field name-2 value\202
field  
field name-2 b\c3\a4r\5c\202\09
block 7f0186ee3a2d2a8cff4085a87495607f85ee3a2d2a80bfc17f008e8ffff8ffffb967fff0519ffffeaf
field name-3 value\203
field name-0 value\200
field name-3 value\203
field  
field name-3 b\c3\a4r\5c\203\09
block 7f0086ee3a2d2a8d7f4085a8749560ff85ee3a2d2a81bf4080807f010862c3a4725c2034097eff1ff3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f40841ca92d9f874ce5525a0e793f
field name-0 value\204
field name-1 value\201
field name-0 value\204
field  
field name-0 b\c3\a4r\5c\204\09
field name-0 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
field after the\20flood
block 4085a8749560ff86ee3a2d2a8dff4085a87495617f85ee3a2d2a82bf4080807f010862c3a4725c203509
field name-1 value\205
field name-2 value\202
field name-1 value\205
field  
field name-1 b\c3\a4r\5c\205\09
block 7f0186ee3a2d2a8e7f4085a87495667f86ee3a2d2a8cffbfc17f008e8ffff8ffffb967fff051cffffeaf
field name-2 value\206
field name-3 value\203
field name-2 value\206
field  
field name-2 b\c3\a4r\5c\206\09
block 7f0086ee3a2d2a8eff4085a87495607f86ee3a2d2a8d7fbf4080807f010862c3a4725c203709
field name-3 value\207
field name-0 value\204
field name-3 value\207
field  
field name-3 b\c3\a4r\5c\207\09
block 7f0186ee3a2d2a8f7f4085a8749560ff86ee3a2d2a8dffbfc17f000862c3a4725c203809
field name-0 value\208
field name-1 value\205
field name-0 value\208
field  
field name-0 b\c3\a4r\5c\208\09
block 7f0086ee3a2d2a8fff4085a87495617f86ee3a2d2a8e7fbf4080807f018e8ffff8ffffb967fff051fffffeaf7eff1ff3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f40841ca92d9f874ce5525a0e793f
field name-1 value\209
field name-2 value\206
field name-1 value\209
field  
field name-1 b\c3\a4r\5c\209\09
field name-1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
field after the\20flood
block 4085a87495617f86ee3a2d2a81074085a87495667f86ee3a2d2a8effbf4080807f010962c3a4725c20313009
field name-2 value\2010
field name-3 value\207
field name-2 value\2010
field  
field name-2 b\c3\a4r\5c\2010\09
block 7f0186ee3a2d2a810f4085a87495607f86ee3a2d2a8f7fbfc17f000962c3a4725c20313109
field name-3 value\2011
field name-0 value\208
field name-3 value\2011
field  
field name-3 b\c3\a4r\5c\2011\09
block 7f0086ee3a2d2a81174085a8749560ff86ee3a2d2a8fffbf4080807f018e8ffff8ffffb967fff05022ffffea
field name-0 value\2012
field name-1 value\209
field name-0 value\2012
field  
field name-0 b\c3\a4r\5c\2012\09
block 7f0186ee3a2d2a81674085a87495617f86ee3a2d2a8107bfc17f000962c3a4725c20313309
field name-1 value\2013
field name-2 value\2010
field name-1 value\2013
field  
field name-1 b\c3\a4r\5c\2013\09
block 7f0086ee3a2d2a816b4085a87495667f86ee3a2d2a810fbf4080807f010962c3a4725c203134097eff1ff3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f40841ca92d9f874ce5525a0e793f
field name-2 value\2014
field name-3 value\2011
field name-2 value\2014
field  
field name-2 b\c3\a4r\5c\2014\09
field name-2 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
field after the\20flood
block 4085a87495667f86ee3a2d2a816f4085a87495607f86ee3a2d2a8117bf4080807f018f8ffff8ffffb967fff0502dfffff57f
field name-3 value\2015
field name-0 value\2012
field name-3 value\2015
field  
field name-3 b\c3\a4r\5c\2015\09
block 7f0186ee3a2d2a81734085a8749560ff86ee3a2d2a8167bfc17f000962c3a4725c20313609
field name-0 value\2016
field name-1 value\2013
field name-0 value\2016
field  
field name-0 b\c3\a4r\5c\2016\09
block 7f0086ee3a2d2a81774085a87495617f86ee3a2d2a816bbf4080807f010962c3a4725c20313709
field name-1 value\2017
field name-2 value\2014
field name-1 value\2017
field  
field name-1 b\c3\a4r\5c\2017\09
block 7f0186ee3a2d2a817b4085a87495667f86ee3a2d2a816fbfc17f008f8ffff8ffffb967fff0502f7ffff57f
field name-2 value\2018
field name-3 value\2015
field name-2 value\2018
field  
field name-2 b\c3\a4r\5c\2018\09
block 7f0086ee3a2d2a817f4085a87495607f86ee3a2d2a8173bf4080807f010962c3a4725c203139097eff1ff3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f3e7cf9f40841ca92d9f874ce5525a0e793f
field name-3 value\2019
field name-0 value\2016
field name-3 value\2019
field  
field name-3 b\c3\a4r\5c\2019\09
field name-3 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
field after the\20flood
